#!/usr/bin/env python3
"""Latency that a server adds to `pith bench`: one caller, one blocking socket, requests made ahead, so that the client takes next to nothing.

    bench/serving-latency.py MODEL PLAN [--http 8000] [--grpc 8001] [--rounds 5] [--seconds 1.5] [--pith "dotnet …/Pith.Cli.dll"]

MODEL is what the server calls the model, PLAN what it serves; its input is f32[N,3,224,224]. Each round times bench, HTTP with a binary tensor, and gRPC with raw contents, one after the other.
"""
import argparse, json, socket, statistics, struct, subprocess, time

FLOATS = 3 * 224 * 224
DATA = b"\0\0\0\x3f" * FLOATS


def connect(port):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


class Http:
    def __init__(self, port, model, name):
        head = json.dumps({"parameters": {"binary_data_output": True}, "inputs": [{"name": name, "datatype": "FP32", "shape": [1, 3, 224, 224], "parameters": {"binary_data_size": len(DATA)}}]}).encode()
        self.request = f"POST /v2/models/{model}/infer HTTP/1.1\r\nHost: x\r\nInference-Header-Content-Length: {len(head)}\r\nContent-Length: {len(head) + len(DATA)}\r\n\r\n".encode() + head + DATA
        self.connection = connect(port)

    def call(self):
        self.connection.sendall(self.request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.connection.recv(1 << 16)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), answer
        left = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")) - len(body)
        while left > 0:
            left -= len(self.connection.recv(1 << 16))


class Grpc:
    """Frames of RFC 9113; header fields are HPACK literals."""

    def __init__(self, port, model, name):
        tensor = self.field(1, name.encode()) + self.field(2, b"FP32") + self.field(3, b"".join(map(self.varint, (1, 3, 224, 224))))
        message = self.field(1, model.encode()) + self.field(5, tensor) + self.field(7, DATA)
        self.body = b"\0" + struct.pack(">I", len(message)) + message
        self.stream, self.received, self.connection = -1, b"", connect(port)
        self.connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + self.frame(4, 0, 0, struct.pack(">HI", 1, 0)) + self.frame(8, 0, 0, struct.pack(">I", 1 << 30)))
        self.headers = b"\x83\x86" + b"".join(bytes([0, len(k)]) + k + bytes([len(v)]) + v for k, v in ((b":path", b"/inference.GRPCInferenceService/ModelInfer"), (b":authority", b"x"), (b"te", b"trailers"), (b"content-type", b"application/grpc")))

    @staticmethod
    def varint(number):
        out = b""
        while number > 127:
            out, number = out + bytes([number & 127 | 128]), number >> 7
        return out + bytes([number])

    @classmethod
    def field(cls, number, content):
        return cls.varint(number << 3 | 2) + cls.varint(len(content)) + content

    @staticmethod
    def frame(kind, flags, stream, payload):
        return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload

    def next(self):
        while len(self.received) < 9 or len(self.received) < 9 + int.from_bytes(self.received[:3], "big"):
            self.received += self.connection.recv(1 << 16)
        end = 9 + int.from_bytes(self.received[:3], "big")
        head, self.received = self.received[:end], self.received[end:]
        return head[3], head[4], int.from_bytes(head[5:9], "big"), head[9:]

    def call(self):
        self.stream += 2
        parts = [self.body[at:at + 16384] for at in range(0, len(self.body), 16384)]
        self.connection.sendall(self.frame(1, 4, self.stream, self.headers) + b"".join(self.frame(0, int(part is parts[-1]), self.stream, part) for part in parts))
        while True:
            kind, flags, stream, payload = self.next()
            if kind in (4, 6) and not flags & 1:
                self.connection.sendall(self.frame(kind, 1, 0, payload if kind == 6 else b""))
            assert kind not in (3, 7), payload
            if kind == 1 and flags & 1 and stream == self.stream:
                assert b"grpc-status\x010" in payload, payload
                return


def median_ms(client, seconds):
    times, end = [], time.perf_counter() + seconds
    while (begin := time.perf_counter()) < end:
        client.call()
        times.append(1000 * (time.perf_counter() - begin))
    return statistics.median(times[len(times) // 5:])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model"), parser.add_argument("plan")
    parser.add_argument("--http", type=int, default=8000), parser.add_argument("--grpc", type=int, default=8001), parser.add_argument("--input", default="input")
    parser.add_argument("--rounds", type=int, default=5), parser.add_argument("--seconds", type=float, default=1.5), parser.add_argument("--threads", default="2"), parser.add_argument("--pith", default="./pith")
    options = parser.parse_args()
    rows = []
    for _ in range(options.rounds):
        bench = subprocess.run([*options.pith.split(), "bench", options.plan, "--threads", options.threads, "--duration", str(options.seconds), "--json"], capture_output=True, text=True, check=True)
        row = [json.loads(bench.stdout)["median_ms"]] + [median_ms(kind(port, options.model, options.input), options.seconds) for kind, port in ((Http, options.http), (Grpc, options.grpc))]
        rows.append(row)
        print("bench %.3f ms, HTTP %.3f (%+.3f), gRPC %.3f (%+.3f)" % (row[0], row[1], row[1] - row[0], row[2], row[2] - row[0]), flush=True)
    print("median added: HTTP %+.3f ms, gRPC %+.3f ms" % tuple(statistics.median(row[i] - row[0] for row in rows) for i in (1, 2)))


if __name__ == "__main__":
    main()
