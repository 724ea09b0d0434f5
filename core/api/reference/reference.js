// The reference's search. Without it, the page is whole.
"use strict";

const search = document.getElementById("search");
const none = document.getElementById("none");
const entries = [...document.querySelectorAll("nav li[data-for]")].map((item) => {
  const article = document.getElementById(item.dataset.for);
  return { item, article, text: article.textContent.toLowerCase() };
});
const types = [...document.querySelectorAll("article.type")].map((article) => ({ article, text: article.textContent.toLowerCase() }));

// filter shows the operations and types that have every word.
function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const has = (text) => words.every((word) => text.includes(word));
  let found = 0;
  for (const entry of entries) {
    const hit = has(entry.text);
    entry.item.hidden = entry.article.hidden = !hit;
    found += hit;
  }
  for (const type of types) {
    type.article.hidden = !has(type.text);
  }
  for (const group of document.querySelectorAll("section.group, nav section")) {
    group.hidden = ![...group.querySelectorAll("article, li")].some((child) => !child.hidden);
  }
  for (const prose of document.querySelectorAll("section.prose")) {
    prose.hidden = words.length > 0 && !has(prose.textContent.toLowerCase());
  }
  none.hidden = found > 0;
}

search.hidden = false;
search.addEventListener("input", filter);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== search && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    search.focus();
  } else if (event.key === "Escape" && document.activeElement === search) {
    search.value = "";
    filter();
    search.blur();
  }
});

// A link to something that the search hides shows it.
addEventListener("hashchange", () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && target.closest("[hidden]")) {
    search.value = "";
    filter();
    target.scrollIntoView();
  }
});
