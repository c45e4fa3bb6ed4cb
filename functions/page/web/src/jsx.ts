// The bundle's JSX factory: it bundles smaller than the default JSX transform.

export { Fragment, h } from "preact";
