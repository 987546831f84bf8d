namespace Pith.Tests.Conformance;

/// <summary>
/// ONNX's node tests against the reference interpreter. <c>passing.txt</c> and <c>unsupported.txt</c> (name: reason) list every case once; a case moves from
/// the second to the first only.
/// </summary>
public class ConformanceTests
{
    private static readonly string s_lists = Path.Combine(AppContext.BaseDirectory, "Conformance");

    public static TheoryData<string> Passing => [.. Lines("passing.txt")];

    public static TheoryData<string, string> Unsupported => new(Lines("unsupported.txt").Select(line => line.Split(": ", 2)).Select(parts => (parts[0], parts[1])));

    [Theory]
    [MemberData(nameof(Passing))]
    public void Node_test_passes(string name)
    {
        SkipWithoutData();
        NodeTest.Run(name);
    }

    [Theory]
    [MemberData(nameof(Unsupported))]
    public void Unsupported_node_test_is_refused_with_a_message(string name, string reason)
    {
        SkipWithoutData();
        var failure = Record.Exception(() => NodeTest.Run(name));
        Assert.False(failure is null, $"{name} passes now: move it from unsupported.txt ({reason}) to passing.txt");
        Assert.IsType<PithException>(failure);
    }

    [Fact]
    public void Every_node_test_is_in_exactly_one_list()
    {
        SkipWithoutData();
        var listed = Lines("passing.txt").Concat(Lines("unsupported.txt").Select(line => line.Split(": ")[0])).Order(StringComparer.Ordinal);
        Assert.Equal(Directory.GetDirectories(NodeTest.Root!).Select(Path.GetFileName).Order(StringComparer.Ordinal), listed);
    }

    [Fact]
    public void At_least_230_node_tests_pass() => Assert.InRange(Lines("passing.txt").Length, 230, int.MaxValue);

    private static string[] Lines(string file) => File.ReadAllLines(Path.Combine(s_lists, file));

    private static void SkipWithoutData() => Assert.SkipWhen(NodeTest.Root is null, "ONNX's node tests are not beside the repository (shared/data/onnx-node-tests)");
}
