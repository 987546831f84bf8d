namespace Pith.Tests;

public class PrintableTextTests
{
    [Fact]
    public void Control_and_direction_characters_are_spelled_out() =>
        Assert.Equal("a\\u001B[2Jb\\u000A\\u009Bc\\u202Ed é 漢 \\", PrintableText.Of("a\u001B[2Jb\n\u009Bc\u202Ed é 漢 \\"));

    [Fact]
    public void Messages_of_failures_are_printable()
    {
        var graph = new Graph("evil\u001B]0;title\a");
        Assert.DoesNotContain(Assert.Throws<PithException>(() => GraphInterpreter.Run(graph, [Tensor.Scalar(1f)])).Message, char.IsControl);
    }
}
