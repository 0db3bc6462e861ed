FROM scratch
LABEL org.opencontainers.image.title="nats-server" \
      org.opencontainers.image.description="NATS, as Parley's tests and compose files run it"
COPY rootfs/ /
ENV NATS_DATA=/data
VOLUME /data
USER 65532:65532
EXPOSE 4222 6222
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 CMD ["/httpcheck", "http://127.0.0.1:8222/healthz"]
ENTRYPOINT ["/nats-server"]
CMD ["--config", "/etc/nats/nats.conf"]
