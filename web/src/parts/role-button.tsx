import { Button, type ButtonProps, createPolymorphicComponent, Tooltip } from '@mantine/core'
import { forwardRef, type MouseEvent } from 'react'
import type { OperationKey } from '../../../src/api/permissions.ts'
import { useWhyNot } from '../session.ts'

interface RoleButtonProps extends ButtonProps {
  readonly group: string
  readonly operation: OperationKey
}

/** Stays in reach of the keyboard where the role is missing, so that its reason can be read. */
export const RoleButton = createPolymorphicComponent<'button', RoleButtonProps>(
  forwardRef<HTMLButtonElement, RoleButtonProps>(({ group, operation, ...props }, ref) => {
    const why = useWhyNot(group, operation)
    if (why === undefined) return <Button ref={ref} {...props} />
    return (
      <Tooltip label={why} multiline maw={320} events={{ hover: true, focus: true, touch: true }}>
        <Button
          {...props}
          ref={ref}
          disabled={false}
          data-disabled
          aria-disabled
          title={why}
          onClick={(event: MouseEvent) => event.preventDefault()}
        />
      </Tooltip>
    )
  }),
)
