# The demo: docker build -t gocnn . && docker run --rm -v "$PWD/runs:/gocnn/runs" gocnn
# The engine: docker run --rm -i gocnn gocnn go-gtp
# With CUDA (some gigabytes more): docker build --build-arg TORCH=https://pypi.org/simple -t gocnn .
FROM python:3.12-slim

# torch.compile wants a C++ compiler; without one training does without it
RUN apt-get update && apt-get install --yes --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*

# where pip finds torch built for a CPU alone
ARG TORCH=https://download.pytorch.org/whl/cpu

WORKDIR /gocnn
COPY . .
RUN pip install --no-cache-dir --extra-index-url "$TORCH" --constraint constraints.txt --editable ".[train,images]"

ENV GOCNN_CACHE=/var/cache/gocnn
RUN gocnn warm-up

CMD ["gocnn", "demo"]
