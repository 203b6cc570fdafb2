"""What the server refuses, in its own words and status codes."""


class Refusal(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status = status
        self.message = message


def wrong_input(message):
    return Refusal(400, f"Wrong input: {message}")


def not_found(message):
    return Refusal(404, f"Not found: {message}")


def no_collection(name):
    return not_found(f"Collection `{name}` doesn't exist!")


def no_snapshot(name):
    return not_found(f"Snapshot {name} not found")


def internal(message):
    return Refusal(500, f"Service internal error: {message}")
