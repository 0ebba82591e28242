(function () {
  "use strict";
  var chosen = 0;
  var byFact = {};

  function each(nodes, work) {
    for (var i = 0; i < nodes.length; i += 1) { work(nodes[i]); }
  }
  function factsOf(node) {
    var said = node.getAttribute("data-f");
    return said ? said.split(" ") : [];
  }
  function mark(node, name, wanted) {
    // By attribute: old browsers have no classList on drawn boxes.
    var classes = (" " + (node.getAttribute("class") || "") + " ").replace(" " + name + " ", " ");
    node.setAttribute("class", (classes + (wanted ? name : "")).replace(/^\s+|\s+$/g, ""));
  }
  function within(node, id) {
    while (node && node.id !== id) { node = node.parentNode; }
    return !!node;
  }
  function show(pane, node) {
    if (!node || !pane) { return; }
    var outer = pane.getBoundingClientRect();
    var inner = node.getBoundingClientRect();
    if (pane.scrollHeight <= pane.clientHeight + 1) {
      if (inner.top < 0 || inner.bottom > window.innerHeight) { node.scrollIntoView(); }
      return;
    }
    if (inner.top < outer.top + 20 || inner.bottom > outer.bottom - 20) {
      pane.scrollTop += inner.top - outer.top - pane.clientHeight / 3;
    }
  }
  function choose(number, source) {
    each(byFact[chosen] || [], function (node) { mark(node, "on", false); });
    chosen = number;
    each(byFact[number] || [], function (node) { mark(node, "on", true); });
    var places = { list: "l" + number, text: "t" + number, pages: "b" + number };
    for (var name in places) {
      if (name !== source) {
        show(document.getElementById(name), document.querySelector("[data-" + places[name].charAt(0) + '~="' + number + '"]'));
      }
    }
  }
  function act(node) {
    var facts = factsOf(node);
    if (!facts.length) { return; }
    var at = facts.indexOf(String(chosen));
    // The innermost fact comes first; again takes the next one around it.
    choose(facts[(at + 1) % facts.length], within(node, "text") ? "text" : within(node, "pages") ? "pages" : "list");
  }
  function target(node) {
    while (node && node.getAttribute && !node.getAttribute("data-f")) { node = node.parentNode; }
    return node && node.getAttribute ? node : null;
  }

  each(document.querySelectorAll("[data-f], [data-s]"), function (node) {
    var numbers = factsOf(node).concat((node.getAttribute("data-s") || "").split(" "));
    var seen = {};
    each(numbers, function (number) {
      if (number && !seen[number]) {
        seen[number] = true;
        (byFact[number] = byFact[number] || []).push(node);
      }
    });
  });
  document.addEventListener("click", function (event) {
    var node = target(event.target);
    if (node) { event.preventDefault(); act(node); }
  });
  document.addEventListener("keydown", function (event) {
    var key = event.key || event.keyCode;
    if (event.ctrlKey || event.altKey || event.metaKey) { return; }
    if (key === "Enter" || key === 13 || key === " " || key === 32) {
      var node = target(document.activeElement);
      if (node) { event.preventDefault(); act(node); }
    } else if (key === "n" || key === 78 || key === "p" || key === 80) {
      var items = [];
      each(document.querySelectorAll("#list li"), function (item) {
        if (item.offsetParent !== null) { items.push(item.getAttribute("data-l")); }
      });
      var step = key === "n" || key === 78 ? 1 : -1;
      var at = items.indexOf(String(chosen));
      var next = at < 0 ? (step > 0 ? 0 : items.length - 1) : (at + step + items.length) % items.length;
      if (items.length) { choose(items[next], ""); }
    }
  });
  each(document.querySelectorAll(".legend input"), function (box) {
    box.addEventListener("change", function () { mark(document.body, "no-" + box.value, !box.checked); });
    box.checked = true;
  });
  mark(document.body, "ready", true);
}());
