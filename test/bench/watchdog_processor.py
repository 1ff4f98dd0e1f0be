#!/usr/bin/python3
"""What shunt's users write by hand today, as a decent Python developer writes it: watchdog, a thread pool, shutil.

    watchdog_processor.py DATA

Start-up scan, file events, and a scan every minute as the net below them; ten workers; a document that cannot be parsed
yet is tried again for two seconds, then set aside. Nothing is flushed, and copies are written in place."""
import concurrent.futures
import json
import logging
import os
import shutil
import signal
import sys
import threading
import time

from watchdog.events import FileSystemEventHandler
from watchdog.observers import Observer

WORKERS = 10
SCAN_INTERVAL = 60
CELTRA = "SYNC/MAKE/Celtra - Create_Rename - Project_Design File"
DESTINATIONS = {
    "BISSELL": "CLIENT-STORES/BISSELL-WRIKE/IN",
    "LOREAL": "CLIENT-STORES/LOREAL/IN",
    "RECKITTBENCKISER": "SYNC/MAKE/Monday RB",
    "RANK": "SYNC/MAKE/Monday Rank",
    "CELTRA": CELTRA,
}
CELTRA_ELIGIBLE = {"CIBC", "OLIVER", "ADIDAS", "PAYPAL", "RECKITTBENCKISER", "BAYER", "3M", "RANK"}

log = logging.getLogger("processor")


class Processor:
    def __init__(self, data):
        self.data = data
        self.hot = os.path.join(data, "JSON")
        self.pool = concurrent.futures.ThreadPoolExecutor(max_workers=WORKERS)
        self.known = set()
        self.lock = threading.Lock()

    def submit(self, path, phase):
        if not path.endswith(".json"):
            return
        with self.lock:
            if path in self.known:
                return
            self.known.add(path)
        self.pool.submit(self.run, path, phase)

    def run(self, path, phase):
        try:
            self.process(path, phase)
        except FileNotFoundError:
            pass  # a late event for a ticket that is done
        except Exception as error:
            log.error("[%s] Failed %s: %s", phase, path, error)
            self.set_aside(path)
        finally:
            with self.lock:
                self.known.discard(path)

    def read(self, path):
        for attempt in range(20):
            try:
                with open(path, encoding="utf-8") as f:
                    return json.load(f)
            except json.JSONDecodeError:  # still being written?
                if attempt == 19:
                    raise
                time.sleep(0.1)

    def destinations(self, client, category):
        found = [os.path.join(self.data, "JSON_STORE", client)]
        if client in DESTINATIONS:
            found.append(os.path.join(self.data, DESTINATIONS[client]))
        if category == "CELTRA" and client in CELTRA_ELIGIBLE:
            found.append(os.path.join(self.data, CELTRA))
        return found

    def process(self, path, phase):
        start = time.time()
        name = os.path.basename(path)
        folder = os.path.basename(os.path.dirname(path))
        details = self.read(path)["JobSpecification"]["JobDetails"]
        client, category = details["ClientCode"], details["JobCategory"]
        if client != folder:
            raise ValueError("ClientCode %s does not match folder %s" % (client, folder))
        log.info("[%s] Processing: %s/%s", phase, client, name)
        for i, destination in enumerate(self.destinations(client, category)):
            os.makedirs(destination, exist_ok=True)
            shutil.copy(path, os.path.join(destination, name))
            log.info("[%s] %s: %s", phase, "Routed to" if i else "Stored", destination)
        os.remove(path)
        log.info("[%s] Successfully processed %s/%s (%.2fs)", phase, client, name, time.time() - start)

    def set_aside(self, path):
        client = os.path.basename(os.path.dirname(path))
        folder = os.path.join(self.data, "JSON_FAILED", client)
        os.makedirs(folder, exist_ok=True)
        try:
            shutil.move(path, os.path.join(folder, time.strftime("%Y%m%d_%H%M%S_") + os.path.basename(path)))
        except OSError as error:
            log.error("Cannot set aside %s: %s", path, error)

    def scan(self, phase):
        for folder, _, names in os.walk(self.hot):
            for name in names:
                self.submit(os.path.join(folder, name), phase)


class Handler(FileSystemEventHandler):
    def __init__(self, processor):
        self.processor = processor

    def on_created(self, event):
        if not event.is_directory:
            self.processor.submit(event.src_path, "REALTIME")

    on_modified = on_created

    def on_moved(self, event):
        if not event.is_directory:
            self.processor.submit(event.dest_path, "REALTIME")


def main():
    data = sys.argv[1]
    logs = os.path.join(data, "JSON_PARSER_LOGS")
    os.makedirs(logs, exist_ok=True)
    logging.basicConfig(filename=os.path.join(logs, "processor.log"), level=logging.INFO,
                        format="%(asctime)s - %(levelname)s - [%(threadName)s] %(message)s")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    processor = Processor(data)
    observer = Observer()
    observer.schedule(Handler(processor), processor.hot, recursive=True)
    observer.start()
    processor.scan("STARTUP")
    log.info("Watching %s", processor.hot)
    while not stop.wait(SCAN_INTERVAL):
        processor.scan("PERIODIC")
    observer.stop()
    observer.join()
    processor.pool.shutdown()


if __name__ == "__main__":
    main()
