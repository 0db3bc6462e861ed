FROM scratch
LABEL org.opencontainers.image.title="parley-roomsvc" \
      org.opencontainers.image.description="Parley's room service"
COPY rootfs/ /
USER 65532:65532
EXPOSE 9090
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 CMD ["/parley-roomsvc", "--health"]
ENTRYPOINT ["/parley-roomsvc"]
