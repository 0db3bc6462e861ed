FROM scratch
LABEL org.opencontainers.image.title="parley-gateway" \
      org.opencontainers.image.description="Parley's gateway: WebSocket in, NATS out"
COPY rootfs/ /
USER 65532:65532
EXPOSE 8080 9090
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 CMD ["/parley-gateway", "--health"]
ENTRYPOINT ["/parley-gateway"]
