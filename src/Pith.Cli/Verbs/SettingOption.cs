using System.CommandLine;
using System.Text.Json.Nodes;

namespace Pith.Cli.Verbs;

/// <summary>
/// An option that sets a field of a step's settings. What the user gives becomes JSON that the step reads as it reads a recipe, so names, defaults, ranges and errors are those of recipes.
/// </summary>
/// <param name="Option">The option.</param>
/// <param name="Path">The field's name in JSON; <c>optimizer.momentum</c> for a field of an object.</param>
/// <param name="Read">The value that was given.</param>
internal sealed record SettingOption(Option Option, string Path, Func<ParseResult, JsonNode?> Read)
{
    public static SettingOption Number(string name, string path, string description) => Of<double>(name, path, description, "x", value => value);

    public static SettingOption Count(string name, string path, string description) => Of<int>(name, path, description, "n", value => value);

    public static SettingOption Text(string name, string path, string description, string help = "name") => Of<string>(name, path, description, help, value => value);

    public static SettingOption Flag(string name, string path, string description, bool value = true)
    {
        var option = new Option<bool>(name) { Description = description };
        return new(option, path, _ => value);
    }

    public static SettingOption Texts(string name, string path, string description, string help = "pattern")
    {
        var option = new Option<string[]>(name) { Description = description + " May be given several times.", HelpName = help };
        return new(option, path, parsed => new JsonArray([.. parsed.GetValue(option)!.Select(text => (JsonNode)text)]));
    }

    /// <summary>The fields that the user set, laid over <paramref name="fields"/>.</summary>
    public static JsonObject Collect(IEnumerable<SettingOption> options, ParseResult parsed, JsonObject fields)
    {
        foreach (var setting in options)
        {
            if (parsed.GetResult(setting.Option) is not { Implicit: false }) continue;
            var parts = setting.Path.Split('.');
            var target = fields;
            foreach (var part in parts[..^1])
            {
                if (target[part] is not JsonObject inner) target[part] = inner = [];
                target = inner;
            }
            target[parts[^1]] = setting.Read(parsed);
        }
        return fields;
    }

    private static SettingOption Of<T>(string name, string path, string description, string help, Func<T, JsonNode> toJson)
    {
        var option = CommonOptions.Finite(new Option<T?>(name) { Description = description, HelpName = help });
        return new(option, path, parsed => toJson(parsed.GetValue(option)!));
    }
}
