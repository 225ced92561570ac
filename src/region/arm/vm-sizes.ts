/** Common sizes with Azure's figures; enough to answer whether a compute fits its quota. */
interface Family {
  readonly name: string
  readonly memoryPerCore: number
  readonly gpuPerCore?: number
  /** Size name and its cores. */
  readonly sizes: Readonly<Record<string, number>>
}

const families: readonly Family[] = [
  {
    name: 'standardDSv2Family',
    memoryPerCore: 3.5,
    sizes: {
      Standard_DS1_v2: 1,
      Standard_DS2_v2: 2,
      Standard_DS3_v2: 4,
      Standard_DS4_v2: 8,
      Standard_DS5_v2: 16,
    },
  },
  {
    name: 'standardDSv2Family',
    memoryPerCore: 7,
    sizes: {
      Standard_DS11_v2: 2,
      Standard_DS12_v2: 4,
      Standard_DS13_v2: 8,
      Standard_DS14_v2: 16,
      Standard_DS15_v2: 20,
    },
  },
  numbered('standardDSv3Family', 'D', 's_v3', 4, [2, 4, 8, 16, 32, 48, 64]),
  numbered('standardDDSv4Family', 'D', 'ds_v4', 4, [2, 4, 8, 16, 32, 48, 64]),
  numbered('standardDSv5Family', 'D', 's_v5', 4, [2, 4, 8, 16, 32, 48, 64, 96]),
  numbered('standardESv3Family', 'E', 's_v3', 8, [2, 4, 8, 16, 20, 32, 48, 64]),
  numbered('standardEDSv4Family', 'E', 'ds_v4', 8, [2, 4, 8, 16, 20, 32, 48, 64]),
  numbered('standardFSv2Family', 'F', 's_v2', 2, [2, 4, 8, 16, 32, 48, 64, 72]),
  {
    ...numbered('standardNCASv3_T4Family', 'NC', 'as_T4_v3', 7, [4, 8, 16, 64]),
    gpuPerCore: 1 / 16,
  },
  { ...numbered('standardNCSv3Family', 'NC', 's_v3', 112 / 6, [6, 12, 24]), gpuPerCore: 1 / 6 },
  {
    ...numbered('standardNCADSA100v4Family', 'NC', 'ads_A100_v4', 220 / 24, [24, 48, 96]),
    gpuPerCore: 1 / 24,
  },
]

function numbered(
  name: string,
  series: string,
  version: string,
  memoryPerCore: number,
  cores: readonly number[],
): Family {
  const sizes = cores.map((count) => [`Standard_${series}${count}${version}`, count] as const)
  return { name, memoryPerCore, sizes: Object.fromEntries(sizes) }
}

export const vmSizes = families.flatMap(({ name: family, memoryPerCore, gpuPerCore, sizes }) =>
  Object.entries(sizes).map(([name, vCPUs]) => ({
    name,
    family,
    vCPUs,
    gpus: gpuPerCore === undefined ? 0 : Math.max(1, Math.round(vCPUs * gpuPerCore)),
    memoryGB: Math.round(vCPUs * memoryPerCore * 10) / 10,
    lowPriorityCapable: true,
    premiumIO: true,
    supportedComputeTypes: ['AmlCompute', 'ComputeInstance'],
  })),
)

export const vmFamilies: readonly string[] = [...new Set(vmSizes.map((one) => one.family))]

/** Dedicated cores of one family that a subscription of a local region may use. */
export const familyLimit = 100

export const vmSizeNamed = (name: string | undefined) =>
  vmSizes.find((one) => one.name.toLowerCase() === name?.toLowerCase())
