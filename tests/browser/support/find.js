// Finds what a person would look for: a thing of the given kind with the given visible label.
// Answers the element, or the labels of all things of that kind when none has this one.
const [kind, wanted] = arguments;
const kinds = {
  button: 'button, input[type=submit], summary, [role=button]',
  link: 'a[href]',
  field: 'input:not([type=hidden], [type=radio], [type=checkbox], [type=submit]), textarea, select, [role=textbox]',
  option: 'input[type=radio], input[type=checkbox]',
  dialog: 'dialog[open], [role=dialog], [role=alertdialog]',
  heading: 'h1, h2, h3',
  row: 'tbody tr, main li, dialog li',
  status: '[role=status], [role=alert]',
};
const tidy = text => text.replace(/\s+/g, ' ').trim();

// In use: drawn, not behind an open dialog, and not inert.
const modal = [...document.querySelectorAll('dialog:modal')].at(-1);
const inUse = element => element.checkVisibility({ visibilityProperty: true })
  && !element.closest('[inert], [aria-hidden=true]') && (!modal || modal.contains(element) || kind === 'status');

// The text that counts for a name: of what is drawn, with the labels of images.
const text = node => node.nodeType === Node.TEXT_NODE ? node.data
  : node.nodeType !== Node.ELEMENT_NODE || node.ariaHidden === 'true' || !node.checkVisibility() ? ''
  : node.ariaLabel ?? ([...node.childNodes].map(text).join('') + (getComputedStyle(node).display === 'inline' ? '' : ' '));
const own = element => [...element.childNodes].filter(node => node.nodeType === Node.TEXT_NODE).map(node => node.data).join(' ');

// All names by which a person may know the element: its accessible name, and the label without counts and asides.
function names(element) {
  const labels = element.hasAttribute('aria-labelledby')
    ? element.getAttribute('aria-labelledby').split(/\s+/).map(id => document.getElementById(id)).filter(Boolean)
    : element.labels?.length ? [...element.labels] : [element];
  const whole = labels.map(label => text(label)).join(' ');
  return [element.ariaLabel ?? '', whole, labels.map(own).join(' '), element.type === 'submit' && element.value || '']
    .map(tidy).filter(Boolean);
}

const things = [...document.querySelectorAll(kinds[kind])].filter(inUse);
const matches = things.filter(kind === 'row' || kind === 'status'
  ? element => tidy(text(element)).includes(wanted)
  : element => names(element).includes(wanted));
// What is in an open menu lies above the rest.
return matches.find(element => element.closest(':popover-open')) ?? matches.at(0) ?? things.map(element => names(element)[0] ?? '');
