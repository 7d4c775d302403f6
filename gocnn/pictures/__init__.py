"""Pictures: boards, charts, and what a network's layers see."""
