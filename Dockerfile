# The static binary and an empty directory for the data, nothing else:
# `make image` builds bin/regent and makes bin/data first.
FROM scratch
COPY bin/regent /regent
# A volume takes its owner from here.
COPY --chown=10001:10001 bin/data /data
USER 10001:10001
VOLUME /data
EXPOSE 6379
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --retries=3 CMD ["/regent", "check-health"]
ENTRYPOINT ["/regent"]
CMD ["--dir", "/data"]
