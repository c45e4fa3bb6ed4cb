// Package template reads a CDK cloud assembly (cdk.out) and evaluates its CloudFormation template: parameters,
// conditions, mappings and intrinsic functions. It implements the language of templates and is independent of the
// resources; the caller answers Ref and Fn::GetAtt of a resource.
package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Where the platform pretends to run.
const (
	Region    = "us-east-1"
	AccountID = "000000000000"
	Partition = "aws"
	URLSuffix = "amazonaws.com"
)

// Assembly is a cloud assembly with one stack.
type Assembly struct {
	Dir       string
	StackName string
	body      document
	assets    map[string]string // object key in the asset bucket -> path of the source
}

type document struct {
	AWSTemplateFormatVersion string
	Description              string
	Metadata                 any
	Parameters               map[string]parameter
	Mappings                 map[string]map[string]map[string]any
	Conditions               map[string]any
	Rules                    map[string]any
	Resources                map[string]rawResource
	Outputs                  map[string]any
}

type rawResource struct {
	Type                string
	Properties          map[string]any
	Condition           string
	DependsOn           any
	Metadata            any
	DeletionPolicy      any
	UpdateReplacePolicy any
}

type manifest struct {
	Artifacts map[string]struct {
		Type       string `json:"type"`
		Properties struct {
			TemplateFile string `json:"templateFile"`
			StackName    string `json:"stackName"`
			File         string `json:"file"`
		} `json:"properties"`
	} `json:"artifacts"`
}

type assetManifest struct {
	Files map[string]struct {
		Source struct {
			Path string `json:"path"`
		} `json:"source"`
		Destinations map[string]struct {
			ObjectKey string `json:"objectKey"`
		} `json:"destinations"`
	} `json:"files"`
}

// ReadAssembly reads the assembly in the folder dir.
func ReadAssembly(dir string) (*Assembly, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	var m manifest
	if err := readJSON(filepath.Join(dir, "manifest.json"), &m, false); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%s is not a cloud assembly: it has no manifest.json", dir)
		}
		return nil, err
	}
	a := &Assembly{Dir: dir, assets: map[string]string{}}
	var stacks, assetFiles []string
	templateFile := ""
	for id, artifact := range m.Artifacts {
		switch artifact.Type {
		case "aws:cloudformation:stack":
			stacks = append(stacks, id)
			a.StackName, templateFile = id, artifact.Properties.TemplateFile
			if artifact.Properties.StackName != "" {
				a.StackName = artifact.Properties.StackName
			}
		case "cdk:asset-manifest":
			assetFiles = append(assetFiles, artifact.Properties.File)
		case "cdk:cloud-assembly":
			return nil, fmt.Errorf("%s: the nested assembly %s (a CDK stage) cannot be run", dir, id)
		}
	}
	if len(stacks) != 1 {
		slices.Sort(stacks)
		return nil, fmt.Errorf("%s: one stack is expected, found %d: %s", dir, len(stacks), strings.Join(stacks, ", "))
	}
	if err := readJSON(filepath.Join(dir, templateFile), &a.body, true); err != nil {
		return nil, err
	}
	for _, file := range assetFiles {
		if err := a.readAssets(filepath.Join(dir, file)); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *Assembly) readAssets(file string) error {
	var m assetManifest
	if err := readJSON(file, &m, false); err != nil {
		return err
	}
	for _, asset := range m.Files {
		path := asset.Source.Path
		if !filepath.IsAbs(path) {
			path = filepath.Join(a.Dir, path)
		}
		for _, destination := range asset.Destinations {
			a.assets[destination.ObjectKey] = path
		}
	}
	return nil
}

// Asset returns the file or folder that a deployment would upload under this
// object key.
func (a *Assembly) Asset(objectKey string) (string, error) {
	path, ok := a.assets[objectKey]
	if !ok {
		return "", fmt.Errorf("the assembly has no asset with the object key %q", objectKey)
	}
	return path, nil
}

func readJSON(file string, into any, strict bool) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	// Numbers keep their spelling: a large one must not become a float.
	decoder.UseNumber()
	if strict {
		decoder.DisallowUnknownFields()
	}
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
