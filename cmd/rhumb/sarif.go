// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path/filepath"

	"rhumb.run/rhumb/internal/lint"
)

// sarif is as much of SARIF 2.1.0 as code hosts read.
type sarif struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool    sarifTool     `json:"tool"`
	Results []sarifResult `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name  string      `json:"name"`
	Rules []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID          string    `json:"id"`
	Description sarifText `json:"shortDescription"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	Rule      string          `json:"ruleId"`
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
}

type sarifLocation struct {
	Physical sarifPhysical `json:"physicalLocation"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   sarifRegion   `json:"region"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

type sarifRegion struct {
	Line   int `json:"startLine"`
	Column int `json:"startColumn"`
}

var sarifLevels = map[lint.Severity]string{lint.Error: "error", lint.Warning: "warning", lint.Info: "note"}

func sarifOf(found []lint.Finding) sarif {
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "rhumb"}}, Results: []sarifResult{}}
	for _, r := range lint.Rules {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{r.ID, sarifText{r.Says}})
	}
	for _, x := range found {
		message := x.Message
		if x.Fix != "" {
			message += ": " + x.Fix
		}
		run.Results = append(run.Results, sarifResult{x.Rule, sarifLevels[x.Severity], sarifText{message}, []sarifLocation{
			{sarifPhysical{sarifArtifact{filepath.ToSlash(x.File)}, sarifRegion{x.Line, x.Column}}},
		}})
	}
	return sarif{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}}
}
