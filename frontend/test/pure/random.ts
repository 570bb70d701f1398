/** Numbers that a test draws, the same whenever it runs. */

import { seeded } from "../../gallery/made_up";

export function randomMatrix(seed: number, size: number, nanShare = 0): Float32Array {
  const random = seeded(seed);
  return Float32Array.from({ length: size }, () =>
    random() < nanShare ? NaN : random() * 4 - 2,
  );
}
