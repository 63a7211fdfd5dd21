// Keeps the page as the daemon is: listens which parts have changed, and fetches those. Nothing is drawn here.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("scripted");

  const BATCH = 40;
  const SILENCE = 15000;
  const POLL = 5000;
  const RETRY = 1000;
  const LONGEST_WAIT = 30000;

  const contact = document.getElementById("contact");
  const contactText = document.getElementById("contact-text");
  const query = document.body.dataset.live;
  const list = document.querySelector("[data-list]");
  const wanted = new Map();
  const late = new Set();
  const asked = new Set();
  let ahead = 0;
  let heard = 0;
  let fetching = false;
  let failures = 0;

  const now = () => Date.now() / 1000 + ahead;
  const clock = (at) => new Date(at * 1000).toISOString().slice(11, 19);
  const part = (name) => document.querySelector(`[data-part="${CSS.escape(name)}"]`);

  const span = (seconds) => {
    const whole = Math.max(0, Math.floor(seconds));
    if (whole < 60) return `${whole} s`;
    if (whole < 3600) return `${Math.floor(whole / 60)} min`;
    const minutes = Math.floor((whole % 3600) / 60);
    if (whole < 86400) return `${Math.floor(whole / 3600)} h${minutes ? ` ${minutes} min` : ""}`;
    return `${Math.floor(whole / 86400)} d`;
  };
  const countdown = (seconds) => {
    const whole = Math.max(0, Math.ceil(seconds));
    return whole < 3600 ? `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}` : span(whole);
  };
  const jittered = (time) => time * (0.5 + Math.random() / 2);
  const put = (node, text) => {
    if (node.textContent !== text) node.textContent = text;
  };

  const tick = () => {
    const at = now();
    for (const node of document.querySelectorAll("time[data-left]")) put(node, countdown(node.dataset.left - at));
    for (const node of document.querySelectorAll("time[data-age]")) put(node, span(at - node.dataset.age));
    if (contact.dataset.state === "live") put(contactText, `Live, ${clock(at)} UTC`);
  };
  const say = (state, text) => {
    contact.dataset.state = state;
    put(contactText, text);
  };

  const figure = (ms) => (ms === null ? "—" : ms >= 100 ? `${ms.toFixed(0)} ms` : `${ms.toFixed(1)} ms`);
  const figures = (latency) => {
    for (const [key, ms] of Object.entries(latency)) {
      const node = document.querySelector(`[data-ms="${CSS.escape(key)}"]`);
      if (node) put(node, figure(ms));
    }
  };

  const nearby = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        const name = entry.target.dataset.part;
        if (entry.isIntersecting && late.delete(name)) wanted.set(name, true);
      }
      if (wanted.size) renew();
    },
    { rootMargin: "600px" },
  );

  const replace = (fresh) => {
    const name = fresh.dataset.part;
    const old = part(name);
    if (!old) {
      if (name.startsWith("s:") && list) list.append(fresh);
    } else {
      const open = [...old.querySelectorAll("details")].map((node) => node.open);
      [...fresh.querySelectorAll("details")].forEach((node, index) => {
        if (open[index] !== undefined) node.open = open[index] || node.open;
      });
      const states = new Map([...old.querySelectorAll(".tile")].map((node) => [node.dataset.at, node.className.replace(" changed", "")]));
      for (const node of fresh.querySelectorAll(".tile")) {
        if (states.get(node.dataset.at) !== node.className) node.classList.add("changed");
      }
      const focused = old.contains(document.activeElement) ? document.activeElement : null;
      const place = focused ? [...old.querySelectorAll("a, button, summary")].indexOf(focused) : -1;
      old.replaceWith(fresh);
      if (place >= 0) fresh.querySelectorAll("a, button, summary")[place]?.focus({ preventScroll: true });
    }
    if (name.startsWith("s:")) nearby.observe(fresh);
    if (name === "head") titled(fresh);
  };
  const titled = (head) => {
    if (list) document.title = `${head.dataset.title} · rrdnsd`;
  };

  const renew = async () => {
    if (fetching || !wanted.size) return;
    fetching = true;
    for (const name of [...wanted.keys()].slice(0, BATCH)) {
      wanted.delete(name);
      asked.add(name);
    }
    try {
      const parts = new URLSearchParams([...asked].map((name) => ["p", name]));
      const answer = await fetch(`/dash/parts?${parts}`, { signal: AbortSignal.timeout(SILENCE) });
      if (!answer.ok) throw new Error(answer.statusText);
      const found = new DOMParser().parseFromString(await answer.text(), "text/html");
      // What has gone since it was asked for stays gone.
      const fresh = [...found.body.children].filter((node) => asked.has(node.dataset.part));
      fresh.forEach((node) => replace(document.adoptNode(node)));
      failures = 0;
      tick();
    } catch {
      // Only changes are told: what is not fetched now would stay as it is.
      failures += 1;
      asked.forEach((name) => wanted.set(name, true));
    }
    asked.clear();
    fetching = false;
    if (failures) setTimeout(renew, jittered(Math.min(LONGEST_WAIT, RETRY * 2 ** failures)));
    else renew();
  };

  const compare = (versions) => {
    const changed = Object.entries(versions).filter(([name, version]) => part(name)?.dataset.v !== version);
    const many = changed.length > BATCH;
    for (const [name] of changed) {
      const old = part(name);
      const seen = !old || !name.startsWith("s:") || !many || visible(old);
      (seen ? wanted : late)[seen ? "set" : "add"](name, true);
    }
    renew();
  };
  const visible = (node) => {
    const box = node.getBoundingClientRect();
    return box.bottom > -600 && box.top < innerHeight + 600;
  };
  const remove = (names) => {
    for (const name of names) {
      for (const expected of [wanted, late, asked]) expected.delete(name);
      part(name)?.remove();
    }
  };
  const take = (news) => {
    heard = Date.now();
    ahead = news.now - heard / 1000;
    if (contact.dataset.state !== "live") say("live", "");
    compare(news.versions);
    remove(news.gone ?? []);
    figures(news.latency);
    const none = document.getElementById("none");
    if (none && list) none.hidden = Boolean(list.firstElementChild) || [...wanted.keys()].some((name) => name.startsWith("s:"));
    tick();
  };
  const takeAll = (news) => {
    const known = [...(list?.children ?? [])].map((node) => node.dataset.part);
    const gone = [...known, ...wanted.keys(), ...late, ...asked].filter((name) => !(name in news.versions));
    take({ ...news, gone });
  };

  const listen = async (signal) => {
    const answer = await fetch(`/dash/stream?${query}`, { signal, cache: "no-store" });
    if (answer.status === 503) return poll(signal);
    if (!answer.ok) throw new Error(`this node answers ${answer.status}`);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    let first = true;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Error("this node has ended the connection");
      text += value;
      const messages = text.split("\n\n");
      text = messages.pop();
      for (const message of messages) {
        const at = message.indexOf("data: ");
        if (at < 0) continue;  // a comment that keeps the connection alive
        const news = JSON.parse(message.slice(at + 6));
        if (first) takeAll(news);
        else take(news);
        first = false;
      }
    }
  };
  // Too many browsers listen already: ask now and then instead.
  const poll = async (signal) => {
    for (;;) {
      const answer = await fetch(`/dash/versions?${query}`, { signal, cache: "no-store" });
      if (!answer.ok) throw new Error(`this node answers ${answer.status}`);
      takeAll(await answer.json());
      await new Promise((done) => setTimeout(done, POLL));
    }
  };

  const wait = async (seconds) => {
    for (let left = seconds; left > 0; left -= 1) {
      const since = heard ? `, last heard at ${clock(heard / 1000 + ahead)}` : "";
      say("lost", `No contact${since}; next try in ${left} s`);
      await new Promise((done) => setTimeout(done, 1000));
    }
  };
  const stay = async () => {
    let tries = 0;
    for (;;) {
      const stop = new AbortController();
      const before = heard;
      const guard = setInterval(() => {
        if (Date.now() - Math.max(heard, started) > SILENCE) stop.abort();
      }, 1000);
      const started = Date.now();
      try {
        await listen(stop.signal);
      } catch {
        // Whatever it was: the next try tells.
      } finally {
        clearInterval(guard);
      }
      tries = heard > before ? 0 : tries + 1;
      await wait(Math.max(1, Math.round(jittered(Math.min(LONGEST_WAIT / 1000, 2 ** tries)))));
    }
  };

  for (const node of document.querySelectorAll('[data-part^="s:"]')) nearby.observe(node);
  setInterval(tick, 1000);
  if (query !== undefined) {
    const head = part("head");
    if (head) titled(head);
    stay();
  }
})();
