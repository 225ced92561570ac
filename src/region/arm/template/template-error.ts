import { AzureError } from '../../context.ts'

export const templateError = (message: string): AzureError =>
  new AzureError(400, 'InvalidTemplate', `Deployment template validation failed: ${message}`)
