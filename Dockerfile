# The static binary and nothing else: `make image` builds bin/regent first.
FROM scratch
COPY bin/regent /regent
VOLUME /data
EXPOSE 6379
ENTRYPOINT ["/regent"]
CMD ["--dir", "/data"]
