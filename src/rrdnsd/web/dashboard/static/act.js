// Orders: shows what an order would do (a dry run) before it can be confirmed. The token stays in this tab.
"use strict";
(() => {
  const KEY = "rrdnsd-token";
  const PAUSE = 250;
  const get = (id) => document.getElementById(id);
  const dialog = get("dialog");
  const [about, list, why, duration, to] = ["dialog-about", "choice-list", "why", "duration", "to"].map(get);
  const [token, effect, confirm, cancel, forget] = ["token", "effect", "confirm", "cancel", "forget"].map(get);
  let subject = {};
  let choice = null;
  let turn = 0;
  let timer = 0;
  let done = false;

  // What can be ordered: path, words, words of the button, fields it takes.
  const forEndpoint = ({ address, state, forced }) => [
    state === "drained"
      ? { path: "undrain", words: "End the drain: back into DNS when it is up", button: `Undrain ${address}` }
      : { path: "drain", words: "Drain: out of DNS, still probed", button: `Drain ${address}` },
    { path: "force", more: { state: "down" }, words: "Take it for down, whatever the probes say", button: `Force ${address} down` },
    { path: "force", more: { state: "up" }, words: "Take it for up, whatever the probes say", button: `Force ${address} up` },
    ...(forced ? [{ path: "unforce", words: "Believe the probes again", button: `Believe the probes of ${address}` }] : []),
  ];
  const forService = ({ service, maintenance, failover }) => [
    ...(maintenance
      ? [{ path: "maintenance/end", words: "End the maintenance", button: "End the maintenance" }]
      : [{ path: "maintenance", fields: ["duration"], words: "Maintenance: freeze its records, keep notifiers silent", button: "Begin the maintenance" }]),
    ...(failover ? [{ path: "failback", words: "End the failover", button: "End the failover" }] : []),
    { path: "failover", fields: ["to"], words: "Failover: prefer other endpoints", button: "Fail over" },
    { path: "refresh", words: "Refresh: add all live endpoints, then delete the unreachable ones", button: `Refresh ${service}` },
  ];
  const forCluster = () => [
    { path: "maintenance", fields: ["duration"], words: "Maintenance of all services: freeze their records", button: "Begin the maintenance" },
    { path: "maintenance/end", words: "End the maintenance of all services", button: "End the maintenance" },
    { path: "pause", words: "Pause: no node writes DNS; all still probe and vote", button: "Pause the cluster" },
    { path: "resume", words: "Resume: write DNS again", button: "Resume" },
  ];
  const ENDS = {
    drain: "undrain", maintenance: "maintenance/end", pause: "resume", failover: "failback",
    force: "unforce", forced: "unforce", "forced up": "unforce", "forced down": "unforce",
  };
  const forEnd = ({ kind }) => [{ path: ENDS[kind] ?? kind, words: `End the ${kind}`, button: `End the ${kind}` }];
  const KINDS = { endpoint: forEndpoint, service: forService, cluster: forCluster, end: forEnd };
  const TAKES_ADDRESS = new Set(["drain", "undrain", "force", "unforce"]);
  const TAKES_NO_SERVICE = new Set(["pause", "resume"]);

  const body = (extra) => {
    const made = { ...extra, ...choice.more };
    if (why.value.trim()) made.why = why.value.trim();
    if (subject.service && !TAKES_NO_SERVICE.has(choice.path)) made.service = subject.service;
    if (TAKES_ADDRESS.has(choice.path)) made.address = subject.address;
    if (choice.fields?.includes("duration") && duration.value) {
      made.until = new Date(Date.now() + duration.value * 1000).toISOString();
    }
    if (choice.fields?.includes("to") && to.value.trim()) made.to = to.value.trim().split(/[\s,]+/);
    return made;
  };

  const say = (tone, title, lines = []) => {
    effect.dataset.tone = tone;
    const bold = document.createElement("b");
    bold.textContent = title;
    const rest = lines.map((line) => {
      const made = document.createElement("p");
      made.textContent = line;
      return made;
    });
    effect.replaceChildren(bold, ...rest);
  };

  const post = async (extra) => {
    const headers = { "Content-Type": "application/json" };
    const known = sessionStorage.getItem(KEY);
    if (known) headers.Authorization = `Bearer ${known}`;
    const answer = await fetch(`/api/v1/${choice.path}`, { method: "POST", headers, body: JSON.stringify(body(extra)) });
    let told = {};
    try {
      told = await answer.json();
    } catch {
      told = { error: `this node answers ${answer.status}` };
    }
    return { status: answer.status, ok: answer.ok, told };
  };
  const sentences = (told) => {
    const found = (told.problems ?? []).map((problem) => (problem.field ? `${problem.field}: ${problem.sentence}` : problem.sentence));
    return found.length ? found : [typeof told.error === "string" ? told.error : "this node gave no reason"];
  };
  const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);

  const askToken = (asked) => {
    get("field-token").hidden = !asked;
    forget.hidden = asked || !sessionStorage.getItem(KEY);
  };
  // Over the network every order needs a token, so none is sent without one.
  const demand = (title, lines) => {
    sessionStorage.removeItem(KEY);
    askToken(true);
    const none = dialog.dataset.writable === "no";
    say(lines.length ? "bad" : "", title, [
      ...lines,
      ...(none ? ["This node has no token with write scope: give orders on it with the rrdnsd command."] : []),
    ]);
  };
  const refused = ({ status, told }) => {
    if (status === 401 || status === 403) demand("This token does not do:", sentences(told).map(upper));
    else say("bad", "This cannot be done:", sentences(told).map(upper));
  };

  // Once an order is on its way, nothing of it can be changed any more.
  const freeze = (frozen) => {
    get("asked").disabled = frozen;
    forget.disabled = frozen;
  };
  // What is still to come of an earlier question is not shown any more.
  const supersede = () => {
    clearTimeout(timer);
    return ++turn;
  };
  const preview = async () => {
    const mine = supersede();
    confirm.disabled = true;
    if (!choice) return;
    if (!sessionStorage.getItem(KEY)) {
      demand("A token is needed to show and to give an order.", []);
      return;
    }
    effect.setAttribute("aria-busy", "true");
    try {
      const result = await post({ dry_run: true });
      if (mine !== turn) return;
      if (!result.ok) {
        refused(result);
        return;
      }
      askToken(false);
      say("", result.told.changed ? "This would happen:" : "Nothing would change:", (result.told.effect ?? []).map(upper));
      confirm.disabled = false;
    } catch {
      if (mine === turn) say("bad", "No contact with this node.", ["The order was not given."]);
    } finally {
      if (mine === turn) effect.removeAttribute("aria-busy");
    }
  };
  const later = () => {
    supersede();
    confirm.disabled = true;
    timer = setTimeout(preview, PAUSE);
  };

  const order = async () => {
    const mine = supersede();
    effect.removeAttribute("aria-busy");
    freeze(true);
    confirm.disabled = true;
    cancel.disabled = true;
    try {
      const result = await post({ request_id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}` });
      if (mine !== turn) return;
      if (!result.ok) {
        refused(result);
        return;
      }
      const { told } = result;
      done = true;
      const behind = told.unknown_to?.length ? [`Not confirmed yet by ${told.unknown_to.join(", ")}.`] : [];
      say("done", told.changed ? "Done." : "It stood already.", [...(told.effect ?? []).map(upper), ...behind]);
      confirm.textContent = "Close";
      confirm.disabled = false;
      cancel.hidden = true;
      confirm.focus();
    } catch {
      if (mine === turn) say("bad", "No contact with this node.", ["Look at the standing orders to see if the order has arrived."]);
    } finally {
      if (mine === turn) {
        freeze(done);
        cancel.disabled = false;
      }
    }
  };

  const choose = (made) => {
    choice = made;
    confirm.textContent = made.button;
    get("field-duration").hidden = !made.fields?.includes("duration");
    get("field-to").hidden = !made.fields?.includes("to");
    later();
  };
  const option = (made, index, all) => {
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "choice", value: String(index), checked: index === 0 });
    input.addEventListener("change", () => choose(made));
    label.append(input, made.words);
    label.hidden = all.length === 1;
    return label;
  };
  const open = (data) => {
    subject = data;
    done = false;
    freeze(false);
    cancel.disabled = false;
    const choices = KINDS[data.act](data);
    get("choices").hidden = choices.length === 1;
    list.replaceChildren(...choices.map(option));
    [why.value, to.value, token.value] = ["", "", ""];
    cancel.hidden = false;
    const name = data.address || data.service || "All services";
    get("dialog-title").textContent = choices.length === 1 ? choices[0].words : `Orders for ${name}`;
    about.textContent = data.address && data.service ? `An endpoint of ${data.service}` : "";
    about.hidden = !about.textContent;
    askToken(!sessionStorage.getItem(KEY));
    say("", "Asking what it would do…");
    dialog.showModal();
    choose(choices[0]);
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button[data-act]");
    if (button) open({ ...button.dataset });
  });
  why.addEventListener("input", later);
  to.addEventListener("input", later);
  duration.addEventListener("change", later);
  // Not with every key: failed tries are counted.
  const useToken = () => {
    const text = token.value.trim();
    if (!text) return;
    sessionStorage.setItem(KEY, text);
    token.value = "";
    preview();
  };
  get("use-token").addEventListener("click", useToken);
  token.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    useToken();
  });
  forget.addEventListener("click", () => {
    sessionStorage.removeItem(KEY);
    preview();
  });
  cancel.addEventListener("click", () => dialog.close());
  get("dialog-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (done) dialog.close();
    else if (!confirm.disabled) order();
  });
})();
