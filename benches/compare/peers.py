"""Python's ways to share a live object: RPyC, and multiprocessing.managers.

peers.py version LIBRARY                     what it is; nothing if it is not there
peers.py serve LIBRARY                       prints its port, and ends when its standard input does
peers.py call LIBRARY PORT CALLERS SECONDS   prints the calls per second
"""

import os
import platform
import sys
import threading
import time
from multiprocessing.managers import BaseManager

AUTHKEY = b"loopback only"


class Counter:
    """Two threads may add at one time, as in the other peers."""

    def __init__(self):
        self.value = 0
        self.lock = threading.Lock()

    def add(self, by):
        with self.lock:
            self.value += by
            return self.value


COUNTER = Counter()


class Manager(BaseManager):
    """A standing proxy of the counter."""


Manager.register("counter", callable=lambda: COUNTER, exposed=["add"])


class Managers:
    @staticmethod
    def version():
        return f"multiprocessing.managers (Python {platform.python_version()})"

    @staticmethod
    def serve():
        server = Manager(address=("127.0.0.1", 0), authkey=AUTHKEY).get_server()
        announce(server.address[1])
        server.serve_forever()

    @staticmethod
    def connect(port):
        manager = Manager(address=("127.0.0.1", port), authkey=AUTHKEY)
        manager.connect()
        counter = manager.counter()
        return lambda: counter.add(1)


class Rpyc:
    """RPyC-Mem's way: each call looks the object up by its name, and then calls its method."""

    @staticmethod
    def version():
        import rpyc

        return f"RPyC {rpyc.__version__}"

    @staticmethod
    def serve():
        import rpyc
        from rpyc.utils.server import ThreadedServer

        class Named(rpyc.Service):
            objects = {"counter": COUNTER}

            def exposed_get(self, name):
                return self.objects[name]

        server = ThreadedServer(Named, hostname="127.0.0.1", port=0, protocol_config={"allow_public_attrs": True})
        announce(server.port)
        server.start()

    @staticmethod
    def connect(port):
        import rpyc

        connection = rpyc.connect("127.0.0.1", port)
        root = connection.root
        # The connection ends with the last that refers to it.
        return lambda connection=connection: root.get("counter").add(1)


LIBRARIES = {"rpyc": Rpyc, "managers": Managers}


def announce(port):
    def watch():
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    print(port, flush=True)


def measure(library, port, callers, seconds):
    counts = [0] * callers
    ready = threading.Barrier(callers + 1)
    stop = threading.Event()

    def run(number):
        call = library.connect(port)
        call()
        ready.wait()
        while not stop.is_set():
            call()
            counts[number] += 1

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(callers)]
    for thread in threads:
        thread.start()
    ready.wait()
    start = time.perf_counter()
    time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - start)


def main():
    command, library, *numbers = sys.argv[1:]
    library = LIBRARIES[library]
    if command == "version":
        try:
            print(library.version())
        except ImportError:
            pass
    elif command == "serve":
        library.serve()
    else:
        port, callers, seconds = numbers
        print(measure(library, int(port), int(callers), float(seconds)))


main()
