// reference.js — the reference at /api/docs. Without it the search asks the server, each example has its own switch, and all
// else is there.
(() => {
  'use strict';
  const $ = (s, r = document) => r.querySelector(s), all = (s, r = document) => [...r.querySelectorAll(s)];
  const field = $('#q'), contents = $('#contents'), found = $('#found');
  const items = new Map(all('a', contents).map(link => [link.hash.slice(1), link]));
  const units = all('.unit').map(unit => ({ unit, words: $('.unit-words', unit), item: items.get($('h3', unit).id) }));

  // 1. One language for all examples, kept for the next visit. The server sets it from there, so that nothing jumps.
  const aim = example => {
    const language = $(':checked', example)?.value, copy = $('[data-copy]', example);
    if (copy) copy.dataset.copy = $(language ? `[data-language="${language}"]` : 'pre', example).id;
  };
  document.addEventListener('change', e => {
    if (!e.target.matches('.languages input')) return;
    const language = e.target.value, before = e.target.getBoundingClientRect().top;
    all(`.languages [value="${language}"]`).forEach(input => { input.checked = true; });
    all('.example').forEach(aim);
    scrollBy(0, e.target.getBoundingClientRect().top - before); // examples above may have become longer
    document.cookie = `example-language=${language}; path=${location.pathname}; max-age=31536000; samesite=lax${location.protocol === 'https:' ? '; secure' : ''}`;
  });

  // 2. Copy buttons; ui.js does the copying.
  all('.example:has(pre)').forEach((example, number) => {
    all('pre', example).forEach((pre, index) => { pre.id = `example-${number}-${index}`; });
    const copy = $('#copy').content.firstElementChild.cloneNode(true), head = $('.example-head', example);
    copy.ariaLabel = `Copy ${$('b', head).textContent.toLowerCase()}: ${$('h3', example.closest('.unit')).textContent}`;
    copy.dataset.copy = '';
    head.append(copy);
    aim(example);
  });

  // 3. Search as one types: every word must be there. What is found in a part that opens opens it.
  const texts = new Map(units.map(({ words }) => [words, words.textContent.toLowerCase()]));
  const wanted = () => field.value.toLowerCase().split(/\s+/).filter(Boolean);
  function search() {
    const asked = wanted();
    let count = 0;
    for (const { unit, words, item } of units) {
      const missed = !asked.every(word => texts.get(words).includes(word));
      for (const part of [unit, item.parentElement]) part.toggleAttribute('data-missed', missed);
      count += !missed;
    }
    for (const [parts, part] of [[all('.panel:has(> .unit)'), '.unit'], [all('div', contents), 'li']])
      for (const section of parts) section.toggleAttribute('data-missed', !$(`${part}:not([data-missed])`, section));
    for (const opened of all('[data-opened]')) { opened.open = false; opened.removeAttribute('data-opened'); }
    $('#nothing-found').hidden = count > 0;
    found.hidden = !asked.length;
    found.textContent = `${count} ${count === 1 ? 'result' : 'results'}`;
    highlight(asked.filter(word => word.length > 1));
  }
  function highlight(asked) {
    const ranges = [];
    if (asked.length) for (const { unit, words } of units) {
      if (unit.hasAttribute('data-missed')) continue;
      const walker = document.createTreeWalker(words, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) {
        const node = walker.currentNode, text = node.data.toLowerCase();
        if (text.length !== node.data.length) continue; // a letter whose small form is longer
        for (const word of asked) for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
          const range = new Range();
          range.setStart(node, at);
          range.setEnd(node, at + word.length);
          ranges.push(range);
          for (let part = node.parentElement.closest('details:not([open])'); part; part = part.parentElement.closest('details:not([open])')) {
            part.open = true;
            part.setAttribute('data-opened', '');
          }
        }
      }
    }
    if (globalThis.Highlight) CSS.highlights.set('found', new Highlight(...ranges));
  }
  function keep() { // in the URL, to be shared
    const url = new URL(location.href);
    if (wanted().length) url.searchParams.set('q', field.value.trim()); else url.searchParams.delete('q');
    url.hash = '';
    history.replaceState(history.state, '', url);
  }
  field.addEventListener('input', search);
  document.addEventListener('click', e => { // a link leads to what was left out, too
    const hash = e.target.closest('a[href^="#"]')?.hash, target = hash && $(hash);
    for (let part = target; part; part = part.parentElement) part.removeAttribute('data-missed');
  });
  field.addEventListener('change', keep);
  field.form.addEventListener('submit', e => { e.preventDefault(); keep(); });
  $('[data-clear]').addEventListener('click', e => { e.preventDefault(); field.value = ''; search(); keep(); field.focus(); });
  if (field.value) search();

  // 4. The contents mark what is read, and close after a choice where they lie over the page.
  let current;
  const reading = new IntersectionObserver(entries => {
    const seen = entries.findLast(entry => entry.isIntersecting);
    if (!seen) return;
    current?.removeAttribute('aria-current');
    current = units.find(({ unit }) => unit === seen.target).item;
    current.setAttribute('aria-current', 'true');
    const [link, list] = [current, contents].map(part => part.getBoundingClientRect());
    if (link.top < list.top || link.bottom > list.bottom) contents.scrollTop += link.top - list.top - list.height / 2;
  }, { rootMargin: '-15% 0px -75%' });
  units.forEach(({ unit }) => reading.observe(unit));
  contents.addEventListener('click', e => { if (e.target.closest('a') && contents.matches(':popover-open')) contents.hidePopover(); });
})();
