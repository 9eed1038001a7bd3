/** A value on OTLP's wire, in its JSON form: 64-bit integers are text. An empty object is no value. */
export type AnyValue =
  | { readonly stringValue: string }
  | { readonly boolValue: boolean }
  | { readonly intValue: string }
  | { readonly doubleValue: number }
  | { readonly arrayValue: { readonly values: readonly AnyValue[] } }
  | { readonly kvlistValue: { readonly values: readonly KeyValue[] } }
  | Readonly<Record<string, never>>;

/** An attribute on OTLP's wire. */
export interface KeyValue {
  readonly key: string;
  readonly value: AnyValue;
}

/** Members that are amounts in decimals. A whole one is a double too: a back end wants one type for one name. */
const DECIMALS: ReadonlySet<string> = new Set(['usd', 'usd_used', 'usd_reserved', 'wall_seconds', 'wall_elapsed']);

/** An object's members as attributes, under names with a prefix. Those that are null or undefined are left out. */
export function attributesOf(members: Readonly<Record<string, unknown>>, prefix = ''): readonly KeyValue[] {
  return Object.entries(members)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([key, value]) => ({ key: `${prefix}${key}`, value: anyValue(value, key) }));
}

function anyValue(value: unknown, key: string): AnyValue {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) && !DECIMALS.has(key) ? { intValue: String(value) } : { doubleValue: value };
  }
  if (Array.isArray(value)) return { arrayValue: { values: value.map((item) => anyValue(item, key)) } };
  if (typeof value === 'object' && value !== null)
    return { kvlistValue: { values: attributesOf(value as Readonly<Record<string, unknown>>) } };
  return {};
}
