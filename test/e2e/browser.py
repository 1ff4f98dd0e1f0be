"""A browser, used as an operator does: it sees texts and buttons. What it was told by the page's own console, and every address that it
asked for, is looked at after each test."""
import base64
import json
import pathlib
import re
import shutil
import tempfile
import urllib.parse

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from shunt import SCALE, wait_for

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
LOOK = (pathlib.Path(__file__).parent / "look.js").read_text()


def installed():
    return pathlib.Path(CHROMIUM).exists() and pathlib.Path(DRIVER).exists()


class Browser:
    """One for many tests: start() before each, check() after it."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="shunt-browser-")
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--user-data-dir=" + self.profile, "--no-first-run", "--disable-sync",
                         "--disable-background-networking", "--disable-component-update", "--no-proxy-server", "--lang=en-GB",
                         "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service(DRIVER), options=options)
        self.driver.set_page_load_timeout(20 * SCALE)
        self.home = None

    def quit(self):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    def cdp(self, command, **parameters):
        return self.driver.execute_cdp_cmd(command, parameters)

    def start(self):
        self.allowed, self.asked, self.home = [], [], None
        self.driver.get("about:blank")
        self.cdp("Network.clearBrowserCookies")
        self.size(1280)
        self.scheme("light")
        self.cdp("Emulation.setScrollbarsHidden", hidden=True)
        self.driver.get_log("browser")
        self.driver.get_log("performance")

    def size(self, width, height=900):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def scheme(self, name):
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}, {"name": "prefers-reduced-motion", "value": "reduce"}])

    def open(self, http, path="/"):
        self.home = http.url
        self.driver.get(http.url + path)

    def view(self, path):
        """Of the page that is open, by its address."""
        self.js("window.shown = document.querySelector('main').firstElementChild; location.hash = arguments[0]", "#/" + path)
        wait_for(lambda: self.js("const first = document.querySelector('main').firstElementChild; return first && first !== window.shown"), "the view " + path)

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    # --- what is seen ---

    def text(self, selector="body"):
        return self.js("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def sees(self, *texts, selector="body", seconds=30):
        """Until all of these are there."""
        wait_for(lambda: all(text in self.text(selector) for text in texts), lambda: "%s in\n%s" % (texts, self.text(selector)), seconds)

    def tile(self, key):
        return self.text("#tile-" + key)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def named(self, name, role="button"):
        """The visible controls of this name, as a screen reader tells it."""
        return [e for e in self.all({"button": "button", "link": "a", "field": "input, select, textarea"}[role]) if e.is_displayed() and re.fullmatch(name, e.accessible_name)]

    def press(self, name, role="button"):
        """Presses it as soon as it is there; what is drawn anew meanwhile is looked for again."""
        def done():
            try:
                found = self.named(name, role)
                if found:
                    found[0].click()
                return bool(found)
            except StaleElementReferenceException:
                return False
        wait_for(done, lambda: "a %s %s in\n%s" % (role, name, self.text()))

    def write(self, name, text):
        field = wait_for(lambda: self.named(name, "field"), "a field " + name)[0]
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(Keys.DELETE)
        field.send_keys(text)
        return field

    def keys(self, *keys):
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def look(self, what):
        """One of the rules in look.js: what breaks it."""
        return self.js(LOOK + "\nreturn look.%s();" % what)

    def screenshot(self, path):
        shot = self.cdp("Page.captureScreenshot", captureBeyondViewport=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    # --- what must never be ---

    def check(self):
        """allowed: what a test provokes."""
        told = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
        told = [message for message in told if not any(re.search(pattern, message) for pattern in self.allowed)]
        assert not told, told
        elsewhere = [url for url in self.requests() if not url.startswith(self.home + "/") and urllib.parse.urlsplit(url).scheme not in ("data", "about", "chrome")]
        assert not elsewhere, elsewhere
        assert not self.js("return window.ran"), "a text was run"

    def requests(self):
        self.asked += self.network("Network.requestWillBeSent")
        return [event["request"]["url"] for event in self.asked if "request" in event]

    def network(self, method):
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [message["params"] for message in messages if message["method"] == method]
