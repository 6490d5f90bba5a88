import type { VNode } from 'preact';
export { Component, Fragment, h, options, render } from 'preact';
export type { ComponentChildren, VNode } from 'preact';
export { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
export { useComputed, useSignal, useSignalEffect } from '@preact/signals';
/** `htm` bound to Preact's `h`. Templates are not type-checked. */
export const html: (strings: TemplateStringsArray, ...values: unknown[]) => VNode<any>;
