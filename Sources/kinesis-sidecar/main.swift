print("kinesis-sidecar")
