/** Which scalars of the timeline stand on one axis. Pure. */

/** Words of a tag that say on which data, or when, a quantity was measured. */
const PARTS = /^(train|training|val|valid|validation|test|eval|evaluation|dev|epoch|batch|step)$/i;

/** Scalars of one quantity: their values can be compared, so they share an axis. */
export interface ScalarLane {
  readonly quantity: string;
  /** In the order in which they were given. */
  readonly tags: readonly string[];
}

/**
 * Tags by the quantity that they measure: `loss` and `val_loss` are one, and so are `train/loss`
 * and `test/loss`; `accuracy` is another.
 */
export function scalarLanes(tags: readonly string[]): readonly ScalarLane[] {
  const lanes = new Map<string, string[]>();
  for (const tag of tags) {
    const quantity = quantityOf(tag);
    lanes.set(quantity, [...(lanes.get(quantity) ?? []), tag]);
  }
  return [...lanes].map(([quantity, members]) => ({ quantity, tags: members }));
}

function quantityOf(tag: string): string {
  const kept = tag.split(/[/_\s.-]+/).filter((word) => word !== "" && !PARTS.test(word));
  return (kept.length === 0 ? tag : kept.join("_")).toLowerCase();
}
