"""The loop: look, decide, begin what may begin, write down what is so, look again."""
