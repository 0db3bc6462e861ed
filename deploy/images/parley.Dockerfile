FROM scratch
LABEL org.opencontainers.image.title="parley" \
      org.opencontainers.image.description="Parley in one process, NATS embedded"
COPY rootfs/ /
ENV PARLEY_DATA_DIR=/data
VOLUME /data
USER 65532:65532
EXPOSE 8080 4222
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 CMD ["/parley", "--health"]
ENTRYPOINT ["/parley"]
