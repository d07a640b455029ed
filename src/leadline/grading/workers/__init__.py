"""The processes that grade under limits of time and memory, and the queue in front of them."""
