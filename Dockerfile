# The worker alone in an image: docker build -t sfu-worker . && docker run --network host sfu-worker
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# Linked statically, so that nothing else has to be in the image.
ENV RUSTFLAGS="-C target-feature=+crt-static"
RUN target=$(rustc -vV | sed -n 's/^host: //p') \
 && cargo build --release --locked --target "$target" -p sfu-worker \
 && mkdir -p /out/data && cp "target/$target/release/sfu-worker" /out/

FROM scratch
COPY --from=build /out/sfu-worker /sfu-worker
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
WORKDIR /data
EXPOSE 8080/tcp
ENTRYPOINT ["/sfu-worker"]
