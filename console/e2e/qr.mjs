// Reads a QR code from a picture, with a decoder that has nothing to do with what drew it.
import { createRequire } from 'node:module'

const jsQR = createRequire(import.meta.url)('jsqr')

/** The text of the code in a PNG; the browser unpacks the picture. */
export async function readQR(browser, png) {
  const page = await browser.newPage()
  try {
    const { data, width, height } = await page.evaluate(async (picture) => {
      const image = new Image()
      image.src = `data:image/png;base64,${picture}`
      await image.decode()
      const canvas = document.createElement('canvas')
      Object.assign(canvas, { width: image.width, height: image.height })
      const context = canvas.getContext('2d')
      context.drawImage(image, 0, 0)
      return { data: [...context.getImageData(0, 0, image.width, image.height).data], width: image.width, height: image.height }
    }, png.toString('base64'))
    return jsQR(Uint8ClampedArray.from(data), width, height)?.data ?? ''
  } finally {
    await page.close()
  }
}
