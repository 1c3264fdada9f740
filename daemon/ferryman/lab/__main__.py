"""`python -m ferryman.lab`: the lab without the rest of ferryman."""

from ferryman.lab.commands import lab

lab()
