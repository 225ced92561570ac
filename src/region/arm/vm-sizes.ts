/** A few common sizes with Azure's figures; enough to answer whether a compute fits its quota. */
const size = (name: string, family: string, vCPUs: number, memoryGB: number, gpus = 0) => ({
  name,
  family,
  vCPUs,
  gpus,
  memoryGB,
  lowPriorityCapable: true,
  premiumIO: true,
  supportedComputeTypes: ['AmlCompute', 'ComputeInstance'],
})

export const vmSizes = [
  size('Standard_DS2_v2', 'standardDSv2Family', 2, 7),
  size('Standard_DS3_v2', 'standardDSv2Family', 4, 14),
  size('Standard_DS4_v2', 'standardDSv2Family', 8, 28),
  size('Standard_D2s_v3', 'standardDSv3Family', 2, 8),
  size('Standard_D4s_v3', 'standardDSv3Family', 4, 16),
  size('Standard_E4s_v3', 'standardESv3Family', 4, 32),
  size('Standard_F2s_v2', 'standardFSv2Family', 2, 4),
  size('Standard_F4s_v2', 'standardFSv2Family', 4, 8),
  size('Standard_NC4as_T4_v3', 'standardNCASv3_T4Family', 4, 28, 1),
  size('Standard_NC6s_v3', 'standardNCSv3Family', 6, 112, 1),
  size('Standard_NC24ads_A100_v4', 'standardNCADSA100v4Family', 24, 220, 1),
]

export const vmFamilies: readonly string[] = [...new Set(vmSizes.map((one) => one.family))]

/** Dedicated cores of one family that a subscription of a local region may use. */
export const familyLimit = 100
