import { useEffect } from 'react'
import { useLocation } from 'wouter'
import type { Destination } from './navigation.ts'

const waitMs = 1200

/** `g` and then the key of a page. Never while somebody types. */
export function useGoKeys(places: readonly Destination[]): void {
  const [, go] = useLocation()
  useEffect(() => {
    let pressedAt = 0
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return
      if (Date.now() - pressedAt < waitMs) {
        const place = places.find(({ key }) => key === event.key)
        pressedAt = 0
        if (place) {
          event.preventDefault()
          go(place.href)
        }
      } else if (event.key === 'g') pressedAt = Date.now()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [places, go])
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  )
}
