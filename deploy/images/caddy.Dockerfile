FROM scratch
LABEL org.opencontainers.image.title="caddy" \
      org.opencontainers.image.description="The load balancer of Parley's tests and compose files"
COPY rootfs/ /
ENV XDG_DATA_HOME=/data XDG_CONFIG_HOME=/data
VOLUME /data
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 CMD ["/httpcheck", "http://127.0.0.1:2080/"]
ENTRYPOINT ["/caddy"]
CMD ["run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
