using System.Text.RegularExpressions;
using Pith.Ops;

namespace Pith.Serving.Tests;

/// <summary>The examples of docs/serving.md, asked of a server.</summary>
public sealed partial class DocumentationTests
{
    [Fact]
    public async Task Every_request_of_the_guide_is_answered()
    {
        var graph = new Graph("small");
        graph.AddOutput(graph.AddNode(new Relu(), [graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 3))], "relu", ["y"]).Output);
        await using var served = await ServedRepository.With("small", graph).StartAsync();
        var requests = Request().Matches(File.ReadAllText(Path.Combine(Root(), "docs", "serving.md")));
        Assert.InRange(requests.Count, 9, 100);
        foreach (Match request in requests)
        {
            var (isPost, path, body) = (request.Groups["post"].Success || request.Groups["body"].Success, request.Groups["path"].Value, request.Groups["body"].Value);
            using var response = isPost ? await served.PostAsync(path, body) : await served.Http.GetAsync(path);
            Assert.True(response.IsSuccessStatusCode, $"{request.Value}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
            if (path.EndsWith("/infer", StringComparison.Ordinal)) Assert.Contains("\"data\":[1,2,3]", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
    }

    [GeneratedRegex(@"^curl -s (?<post>-X POST )?localhost:8000(?<path>\S+)( -d '(?<body>[^']*)')?$", RegexOptions.Multiline)]
    private static partial Regex Request();

    private static string Root()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Pith.slnx"))) return folder.FullName;
        throw new DirectoryNotFoundException("There is no folder with Pith.slnx above the tests.");
    }
}
