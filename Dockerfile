# The demo: docker build -t gocnn . && docker run --rm -v "$PWD/runs:/gocnn/runs" gocnn
# The engine: docker run --rm -i gocnn gocnn go-gtp
# Without CUDA (some gigabytes less): add --build-arg TORCH_INDEX= and the address of PyTorch's CPU
# builds, which its page "Get started" names.
FROM python:3.12-slim

# torch.compile wants a C++ compiler; without one training does without it
RUN apt-get update && apt-get install --yes --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*

ARG TORCH_INDEX=

WORKDIR /gocnn
COPY . .
RUN pip install --no-cache-dir ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} --constraint constraints.txt --editable ".[train,images]"

ENV GOCNN_CACHE=/var/cache/gocnn
RUN gocnn warm-up

CMD ["gocnn", "demo"]
