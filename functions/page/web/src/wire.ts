// What the platform's API answers, by the names that the page has for it. The types
// are those of the API's own document: what is renamed there does not compile here.

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
