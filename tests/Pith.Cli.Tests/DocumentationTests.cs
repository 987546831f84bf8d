using System.Text.RegularExpressions;
using Pith.Cli.Verbs;
using Pith.Compression.Compatibility;
using Pith.Compression.Data;
using Pith.Compression.Weights;

namespace Pith.Cli.Tests;

/// <summary>What the documents say is what the product does.</summary>
public sealed partial class DocumentationTests
{
    private static readonly string s_root = Repository.Root;

    [Fact]
    public void The_readme_shows_the_example_that_is_compiled()
    {
        var shown = FirstBlock(Text("README.md"), "csharp");
        var sample = Text("samples/Quickstart/Program.cs");
        var begin = sample.IndexOf("// README begins\n", StringComparison.Ordinal) + "// README begins\n".Length;
        var end = sample.IndexOf("// README ends", StringComparison.Ordinal);
        Assert.True(end > begin, "samples/Quickstart/Program.cs: expected the two marks around the example.");
        Assert.Equal(sample[begin..end].Trim(), shown.Trim());
    }

    [Fact]
    public void The_readme_names_every_verb_and_stays_short()
    {
        var readme = Text("README.md");
        foreach (var verb in VerbCatalog.Create()) Assert.Matches($@"\b{verb.Name}\b", readme);
        Assert.InRange(readme.Split('\n').Length, 1, 250);
    }

    [Fact]
    public void The_page_of_the_command_line_is_what_the_commands_say()
    {
        var path = Path.Combine(s_root, "docs/cli.md");
        var expected = CliReference.Markdown();
        if (Environment.GetEnvironmentVariable("PITH_UPDATE_DOCS") == "1") File.WriteAllText(path, expected);
        Assert.True(File.Exists(path) && File.ReadAllText(path) == expected, $"docs/cli.md is not what the commands say. Make it anew: {CliReference.Regenerate}");
    }

    [Fact]
    public void The_page_of_the_library_shows_the_program_that_is_compiled()
    {
        var shown = Code().Matches(Text("docs/library.md")).Select(block => block.Groups[1].Value.Trim()).ToArray();
        Assert.NotEmpty(shown);
        var program = Text("samples/Workflow/Program.cs");
        Assert.All(shown, block => Assert.True(program.Contains(block, StringComparison.Ordinal), $"docs/library.md shows code that is not in samples/Workflow/Program.cs:\n{block}"));
    }

    [Fact]
    public void Links_of_the_documents_lead_somewhere()
    {
        foreach (var document in (string[])["README.md", "bench/README.md", .. Directory.EnumerateFiles(Path.Combine(s_root, "docs"), "*.md").Select(file => Path.GetRelativePath(s_root, file))])
        {
            foreach (Match link in Link().Matches(Text(document)))
            {
                var target = link.Groups[1].Value.Split('#')[0];
                if (target.Length == 0 || target.Contains("://", StringComparison.Ordinal)) continue;
                var full = Path.Combine(s_root, Path.GetDirectoryName(document)!, target);
                Assert.True(File.Exists(full) || Directory.Exists(full), $"{document} links to '{target}', which does not exist.");
            }
        }
    }

    [Fact]
    public void The_commands_of_the_benchmark_guide_are_understood()
    {
        const string Command = "    ./pith ";
        var commands = Text("bench/README.md").Split('\n').Where(line => line.StartsWith(Command, StringComparison.Ordinal)).ToArray();
        Assert.NotEmpty(commands);
        Assert.All(commands, command => Assert.Empty(CommandLine.Build().Parse(command[Command.Length..].Split(" #")[0]).Errors));
    }

    [Fact]
    public void The_guide_to_graph_tools_names_every_rule_and_edit()
    {
        var guide = Text("docs/graph-tools.md");
        foreach (var rule in TensorRtRules.All) Assert.Contains($"`{rule.Id}`", guide, StringComparison.Ordinal);
        foreach (var option in new SurgeonEdits().All.SelectMany(edit => edit.Options)) Assert.Contains($"`{option.Name}", guide, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("docs/serving.md")]
    [InlineData("docs/formats.md")]
    [InlineData("docs/graph-tools.md")]
    [InlineData("docs/training-data.md")]
    public void The_commands_of_a_guide_are_understood(string document)
    {
        const string Command = "    pith ";
        var commands = Text(document).Split('\n').Where(line => line.StartsWith(Command, StringComparison.Ordinal)).ToArray();
        Assert.NotEmpty(commands);
        Assert.All(commands, command => Assert.Empty(CommandLine.Build().Parse(command[Command.Length..].Split(" #")[0]).Errors));
    }

    [Fact]
    public void The_page_about_formats_names_all_of_them_and_shows_code_that_is_run()
    {
        var document = Text("docs/formats.md");
        foreach (var ending in WeightFormat.All.SelectMany(format => format.Endings)) Assert.Contains($"`{ending}`", document, StringComparison.Ordinal);
        foreach (var kind in DatasetCatalog.All)
        {
            var row = Assert.Single(document.Split('\n'), line => line.StartsWith($"| `{kind.Name}` |", StringComparison.Ordinal));
            foreach (var option in kind.Options) Assert.Contains($"`{option}", row, StringComparison.Ordinal);
        }
        var sample = Text("tests/Pith.Cli.Tests/WeightsTests.cs").Split("// formats.md begins\n")[1].Split("// formats.md ends")[0];
        Assert.Equal(string.Join('\n', sample.Trim().Split('\n').Select(line => line.Trim())), FirstBlock(document, "csharp").Trim());
    }

    [Fact]
    public void The_page_about_training_images_has_the_tables_of_the_catalog() =>
        Assert.True(Text("docs/training-data.md").Contains(AugmentationCatalog.Document(), StringComparison.Ordinal), $"docs/training-data.md does not have the tables:\n{AugmentationCatalog.Document()}");

    [Fact]
    public void The_sample_recipes_are_recipes()
    {
        var recipes = Directory.GetFiles(Path.Combine(s_root, "samples", "recipes"), "*.json");
        Assert.NotEmpty(recipes);
        foreach (var recipe in recipes) Assert.NotEmpty(Recipe.Load(recipe).Stages);
    }

    [Fact]
    public void The_recipe_in_the_documents_is_the_sample() =>
        Assert.Equal(Recipe.Load(Path.Combine(s_root, "samples/recipes/cifar10-resnet20.json")), Recipe.Parse(FirstBlock(Text("docs/recipes.md"), "jsonc"), "docs/recipes.md"));

    [Fact]
    public void The_documents_name_every_field_of_every_step()
    {
        var document = Text("docs/recipes.md");
        Assert.InRange(document.Split('\n').Length, 1, 200);
        foreach (var step in StepCatalog.All)
        {
            Assert.Contains($"`{step.Kind}`", document, StringComparison.Ordinal);
            foreach (var (field, _) in step.ToJson()) Assert.Contains($"`{field}`", document, StringComparison.Ordinal);
        }
    }

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    private static string Text(string path) => File.ReadAllText(Path.Combine(s_root, path)).ReplaceLineEndings("\n");

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Code();

    private static string FirstBlock(string document, string language)
    {
        var fence = $"```{language}\n";
        var begin = document.IndexOf(fence, StringComparison.Ordinal);
        Assert.True(begin >= 0, $"expected a block of {language}");
        begin += fence.Length;
        return document[begin..document.IndexOf("\n```", begin, StringComparison.Ordinal)];
    }
}
