// The API's answers under the page's names. The types come from the API's own
// document, so a rename there fails to compile here.

import type { components } from "./openapi.d.ts";

type Schemas = components["schemas"];

export type AutoRefill = Schemas["AutoRefill"];
export type AutoRefillRequest = Schemas["AutoRefillRequest"];
export type Balance = Schemas["Balance"];
export type Bill = Schemas["Bill"];
export type CheckoutRequest = Schemas["CheckoutRequest"];
export type Counts = Schemas["UsageCounts"];
export type Entry = Schemas["Entry"];
export type EntryPage = Schemas["EntryPage"];
export type Grant = Schemas["Grant"];
export type Group = Schemas["UsageGroup"];
export type Money = Schemas["Money"];
export type Pack = Schemas["Pack"];
export type Plan = Schemas["Plan"];
export type Problem = Schemas["Problem"];
export type Rate = Schemas["Rate"];
export type Subscription = Schemas["Subscription"];
export type Usage = Schemas["Usage"];
