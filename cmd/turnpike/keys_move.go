package main

import "errors"

type movingFlags struct{}

func moveFlags(*settings, string) movingFlags { return movingFlags{} }

func (c *keysCommand) importKeys() error { return errors.New("todo") }
func (c *keysCommand) exportKeys() error { return errors.New("todo") }
