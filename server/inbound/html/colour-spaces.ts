/** The newer ways to write a colour (CSS Color 4 §8 to §10), as red, green and blue from 0 to 1, not yet cut to what a screen can show. */

type Triple = readonly [number, number, number]

const toRadians = (degrees: number): number => (degrees / 180) * Math.PI

/** @param hue degrees @param chroma in the unit of the space */
const fromPolar = (lightness: number, chroma: number, hue: number): Triple => [
  lightness,
  chroma * Math.cos(toRadians(hue)),
  chroma * Math.sin(toRadians(hue)),
]

/** §8.1. All 0–1 but the hue in degrees. */
export function fromHwb(hue: number, whiteness: number, blackness: number): Triple {
  const sum = whiteness + blackness
  if (sum >= 1) return [whiteness / sum, whiteness / sum, whiteness / sum]
  const pure = (n: number): number => {
    const k = (n + (((hue % 360) + 360) % 360) / 60) % 6
    return 1 - Math.max(0, Math.min(k, 4 - k, 1))
  }
  const channel = (n: number): number => pure(n) * (1 - sum) + whiteness
  return [channel(5), channel(3), channel(1)]
}

/** §10.5, lightness 0–100. Through D50 to D65. */
export function fromLab([lightness, a, b]: Triple): Triple {
  const fy = (lightness + 16) / 116
  const [fx, fz] = [a / 500 + fy, fy - b / 200]
  const cubed = (f: number): number => (f ** 3 > 216 / 24_389 ? f ** 3 : (116 * f - 16) / (24_389 / 27))
  const [x, y, z] = [cubed(fx) * 0.964_3, cubed(fy), cubed(fz) * 0.825_1]
  return gammaOf([3.134_1 * x - 1.617_4 * y - 0.490_7 * z, -0.978_8 * x + 1.916_1 * y + 0.033_4 * z, 0.071_9 * x - 0.229 * y + 1.405_2 * z])
}
export const fromLch = (lightness: number, chroma: number, hue: number): Triple => fromLab(fromPolar(lightness, chroma, hue))

/** §10.4 (Oklab), lightness 0–1. */
export function fromOklab([lightness, a, b]: Triple): Triple {
  const l = (lightness + 0.396_337_8 * a + 0.215_803_8 * b) ** 3
  const m = (lightness - 0.105_561_3 * a - 0.063_854_2 * b) ** 3
  const s = (lightness - 0.089_484_2 * a - 1.291_485_5 * b) ** 3
  return gammaOf([
    4.076_741_7 * l - 3.307_711_6 * m + 0.230_969_9 * s,
    -1.268_438 * l + 2.609_757_4 * m - 0.341_319_4 * s,
    -0.004_196_1 * l - 0.703_418_6 * m + 1.707_614_7 * s,
  ])
}
export const fromOklch = (lightness: number, chroma: number, hue: number): Triple => fromOklab(fromPolar(lightness, chroma, hue))

/** §10.2: those whose white, black and greys are those of the screen; for what lies between them that is near enough. */
export function fromSpace(name: string, channels: Triple): Triple | null {
  if (name === 'srgb' || name === 'display-p3' || name === 'a98-rgb' || name === 'rec2020') return channels
  return name === 'srgb-linear' ? gammaOf(channels) : null
}

const gammaOf = ([red, green, blue]: Triple): Triple => [gamma(red), gamma(green), gamma(blue)]
const gamma = (value: number): number =>
  Math.abs(value) <= 0.003_130_8 ? value * 12.92 : Math.sign(value) * (1.055 * Math.abs(value) ** (1 / 2.4) - 0.055)
