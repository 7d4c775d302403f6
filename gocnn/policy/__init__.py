"""The pooling-free 19x19 policy network: samples, training, evaluation, suggestion."""

KIND = "go-policy"
"""What model files of policy networks call themselves."""
