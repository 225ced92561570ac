import azureRegions from '../../../facts/azure-regions.json' with { type: 'json' }

/** Region names ignore case and blanks: `East US` is `eastus`. */
export const regionName = (text: string) => text.toLowerCase().replaceAll(' ', '')

export function pairOf(location: unknown): string | undefined {
  const name = regionName(String(location ?? ''))
  return azureRegions.regions.find((region) => region.name === name)?.pairedRegion ?? undefined
}
