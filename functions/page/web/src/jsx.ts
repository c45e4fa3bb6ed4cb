// What the bundle makes elements by: it packs smaller than what JSX is compiled to by default.

export { Fragment, h } from "preact";
