"""KataGo's analysis engine protocol, a JSON object a line."""
