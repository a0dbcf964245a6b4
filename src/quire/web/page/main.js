// The page: its head, and the view that the address names.
import { language, languages, speak, t } from "./words.js";
import { bytes, count } from "./units.js";
import { fill, make } from "./dom.js";
import { currentRoute, link } from "./route.js";
import { openSource } from "./source.js";
import { failed } from "./parts.js";
import { overviewView } from "./overview_view.js";
import { mapView } from "./map_view.js";
import { retainedView } from "./retained_view.js";
import { differenceView, pinsView, typesView } from "./table_views.js";
import { objectView } from "./object_view.js";
import { timeView } from "./time_view.js";

/** @typedef {import("./parts.js").View} View */
/** @typedef {import("./source.js").About} About */
/** @typedef {"auto" | "light" | "dark"} Theme */

/** @type {Record<string, (context: import("./parts.js").Context) => View>} */
const VIEWS = {
  overview: overviewView,
  map: mapView,
  retained: retainedView,
  types: typesView,
  pins: pinsView,
  object: objectView,
  difference: differenceView,
  time: timeView,
};

/** @type {Theme[]} */
const THEMES = ["auto", "light", "dark"];
const prefersDark = matchMedia("(prefers-color-scheme: dark)");

class Page {
  /** @param {import("./source.js").Source} source @param {About} about */
  constructor(source, about) {
    this.source = source;
    this.about = about;
    /** @type {View | null} */
    this.view = null;
    this.place = /** @type {HTMLElement} */ (document.getElementById("page"));
    this.main = make("main", { id: "main" });
    this.head = make("header", { class: "head" });
    this.theme = themeOf(setting("theme"));
    this.applyTheme();
    fill(this.place, this.head, this.main);
    addEventListener("hashchange", () => this.show(true));
    prefersDark.addEventListener("change", () => this.applyTheme());
    this.show(false);
  }

  /** @param {boolean} isMoved the reader has followed a link: the new view is read from its title */
  show(isMoved) {
    const { view: name, options } = currentRoute();
    const chosen = this.names().includes(name) ? name : "overview";
    this.view?.stop?.();
    this.drawHead(chosen);
    const make_ = /** @type {(context: import("./parts.js").Context) => View} */ (VIEWS[chosen]);
    this.view = make_({ source: this.source, about: this.about, options });
    document.title = `${this.view.title} – ${this.about.title} – quire`;
    fill(this.main, this.view.element);
    if (isMoved) {
      scrollTo(0, 0);
      this.main.querySelector("h1")?.focus({ preventScroll: true });
    }
  }

  /** The views that this page has. */
  names() {
    return Object.keys(VIEWS).filter((name) =>
      (name !== "time" || this.about.live !== null) && (name !== "difference" || this.about.compared_with !== null || this.about.live !== null));
  }

  /** @param {string} chosen */
  drawHead(chosen) {
    const { about } = this;
    const what = about.live === null ? about.title : t("head.live", { pid: about.live.pid });
    const sum = `${t("head.objects", { count: count(about.objects) })} · ${bytes(about.size_bytes)}`;
    fill(this.head,
      make("a", { class: "skip", href: "#main", click: (/** @type {Event} */ event) => {
        event.preventDefault();
        this.main.querySelector("h1")?.focus();
      } }, t("nav.skip")),
      make("div", { class: "head-row" },
        make("a", { class: "brand", href: link("overview") }, mark(), "quire"),
        make("span", { class: "subject", title: about.command }, make("strong", {}, what), " ", make("span", { class: "faint" }, sum)),
        make("span", { class: "settings" }, this.languageChoice(), this.themeChoice())),
      make("nav", { "aria-label": t("nav.label") }, make("ul", {}, this.names().map((name) =>
        make("li", {}, make("a", { href: link(name), "aria-current": name === chosen ? "page" : null }, t(/** @type {import("./words.js").Key} */ (`nav.${name}`))))))));
    this.head.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }

  languageChoice() {
    return select(t("language.label"), languages(), language(), (value) => {
      speak(value);
      keep("language", value);
      this.show(false);
    });
  }

  themeChoice() {
    return select(t("theme.label"), THEMES.map((each) => [each, t(`theme.${each}`)]), this.theme, (value) => {
      this.theme = themeOf(value);
      keep("theme", value);
      this.applyTheme();
    });
  }

  applyTheme() {
    const isDark = this.theme === "auto" ? prefersDark.matches : this.theme === "dark";
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    this.view?.recolour?.();
  }
}

/** A page with a fold: quires are gathered sheets. */
function mark() {
  const element = make("span", { class: "mark", "aria-hidden": "true" });
  return element;
}

/**
 * @param {string} label
 * @param {[string, string][]} choices
 * @param {string} chosen
 * @param {(value: string) => void} choose
 */
function select(label, choices, chosen, choose) {
  return make("select", { "aria-label": label, title: label, change: (/** @type {Event} */ event) => choose(/** @type {HTMLSelectElement} */ (event.target).value) },
    choices.map(([value, words]) => make("option", { value, selected: value === chosen }, words)));
}

/** @param {string | null} value @returns {Theme} */
function themeOf(value) {
  return THEMES.find((each) => each === value) ?? "auto";
}

// --- what the reader has chosen before; where a browser keeps nothing, it is chosen again -----------------------------

/** @param {string} name @returns {string | null} of the address, then of the last time */
function setting(name) {
  const given = currentRoute().options.get(name);
  if (given !== null) return given;
  try {
    return localStorage.getItem(`quire.${name}`);
  } catch {
    return null;
  }
}

/** @param {string} name @param {string} value */
function keep(name, value) {
  try {
    localStorage.setItem(`quire.${name}`, value);
  } catch {
    // a file's page may be allowed nothing
  }
}

async function start() {
  speak(setting("language") ?? (navigator.language.startsWith("ko") ? "ko" : "en"));
  document.documentElement.dataset.theme = prefersDark.matches ? "dark" : "light";
  try {
    const source = openSource();
    new Page(source, await source.about());
  } catch (error) {
    fill(/** @type {HTMLElement} */ (document.getElementById("page")), failed(error));
  }
}

start();
