# The worker in an image without a shell: docker build -t sfu-worker . && docker run --network host sfu-worker
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p sfu-worker && mkdir -p /out/recordings && cp target/release/sfu-worker /out/

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/sfu-worker /usr/local/bin/sfu-worker
COPY --from=build --chown=nonroot:nonroot /out/recordings /var/lib/sfu-worker
WORKDIR /var/lib/sfu-worker
EXPOSE 8080/tcp
ENTRYPOINT ["/usr/local/bin/sfu-worker"]
