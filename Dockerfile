# The program `ia3` for the CPU. Build it in the root of the repository: docker build -t ia3 .
FROM rust:1.95-slim AS build
# The memory allocator is compiled from C.
RUN apt-get update && apt-get install --no-install-recommends -y gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo install --locked --path crates/ia3-cli --root /out

FROM debian:stable-slim
COPY --from=build /out/bin/ia3 /usr/local/bin/ia3
WORKDIR /work
# Files that the program writes belong to the user who runs the container: docker run --user "$(id -u):$(id -g)" …
ENTRYPOINT ["ia3"]
CMD ["--help"]
