# The demo: docker build -t gocnn . && docker run --rm gocnn
# The engine: docker run --rm -i gocnn gocnn go-gtp
FROM python:3.12-slim

# torch.compile wants a C++ compiler; without one training does without it
RUN apt-get update && apt-get install --yes --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*

WORKDIR /gocnn
COPY . .
RUN pip install --no-cache-dir --constraint constraints.txt --editable ".[train,images]"

ENV GOCNN_CACHE=/var/cache/gocnn
RUN gocnn warm-up

CMD ["gocnn", "demo"]
